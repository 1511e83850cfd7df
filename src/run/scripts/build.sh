# Builds an image from a folder. Arguments: NAME FOLDER OPTION … (the engine's, and the folder to build)
log_in || exit 1
name=$1
cd "$2" || exit 1
shift 2
before=$(id_of "$name")
with_variables "$engine" build -t "$name" "$@" </dev/null >&2 || exit 1
tell_image "$name" "$before"
