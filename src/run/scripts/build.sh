# Builds an image from a folder. Arguments: NAME FOLDER COUNT [OPTION …] [VARIABLE VALUE …]
# COUNT: of the engine's options; the variables are what build arguments among them take their values from.
log_in || exit 1
name=$1
cd "$2" || exit 1
count=$3
shift 3
before=$(id_of "$name")
with_variables $((count + 4)) "$engine" build -t "$name" "$@" </dev/null >&2 || exit 1
tell_image "$name" "$before"
