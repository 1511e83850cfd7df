# Prints a kept release. Arguments: FOLDER RELEASE
cat "$1/$2/kept.json"
