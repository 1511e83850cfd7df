# Waits until no worker of an old generation is left. Argument: SECONDS
master=$(master) || { echo "nginx does not run" >&2; exit 1; }
begin=$(now)
until=$((begin + $1 * 1000))
while left=$(leaving | wc -l) && [ "$left" -gt 0 ]; do
  if [ "$(now)" -ge "$until" ]; then
    echo "left $left"
    exit 0
  fi
  rest
done
echo "took $(($(now) - begin))"
