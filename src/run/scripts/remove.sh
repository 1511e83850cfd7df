# Removes a file if it is there, then those folders that are empty.
# Arguments: PATH [FOLDER …], innermost first
rm -f "$1" || exit 1
shift
for folder; do
  rmdir "$folder" 2>/dev/null || break
done
exit 0
