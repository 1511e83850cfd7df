# Waits until a command says that the old color serves nothing any more. Argument: MILLISECONDS
# Prints "took MS"; or, when that has passed, "left STATUS" with the command's exit status. BGCTL_DRAINED is the command.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
digits "$1" || { echo "$1 is no time" >&2; exit 1; }
begin=$(now)
until=$((begin + $1))
until sh -c "$BGCTL_DRAINED" </dev/null >&2; do
  status=$?
  if [ "$(now)" -ge "$until" ]; then
    echo "left $status"
    exit 0
  fi
  doze 0.5
done
echo "took $(($(now) - begin))"
