# Pulls an image. Arguments: NAME
log_in || exit 1
before=$(id_of "$1")
$engine pull -q "$1" >/dev/null || exit 1
tell_image "$1" "$before"
