# Loads images from an archive that comes on stdin. The name must then stand for one of the ids.
# Arguments: NAME ID [ID …]
name=$1
shift
before=$(id_of "$name")
$engine load -q >/dev/null || exit 1
after=$(id_of "$name")
for id; do
  if [ "$id" = "$after" ]; then
    tell_image "$name" "$before"
    exit
  fi
done
echo "$name is ${after:-nothing} after loading, and not ${1:-what the archive said}" >&2
exit 1
