# Runs a program in a folder.
# Arguments: FOLDER (empty: where it is) PROGRAM [ARGUMENT …]
if [ -n "$1" ]; then cd "$1" || exit 1; fi
shift
exec "$@"
