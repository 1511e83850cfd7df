# Prints a kept release. Arguments: FOLDER RELEASE; FOLDER is `releases` in the app's folder of state
why=
if ! reads_state "${1%/*}" || ! trusts_folder "$1" || ! trusts_folder "$1/$2" || ! ours "$1/$2/kept.json"; then
  echo "${why:-$1/$2/kept.json is not there, or none that bgctl wrote}" >&2
  exit 1
fi
cat "$1/$2/kept.json"
