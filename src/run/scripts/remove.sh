# Removes a file if it is there, then those folders that are empty.
# Arguments: PATH [FOLDER …], innermost first
(
  reach "$1" stay
  case $? in
    0) rm -f "./$at_name" ;;
    # There is no folder that it could be in.
    2) ;;
    *) tell_refusal; exit 1 ;;
  esac
) || exit 1
shift
for folder; do
  (reach "$folder" stay && rmdir "./$at_name" 2>/dev/null) || break
done
exit 0
