# Copies of folders in which others are at work.

# All of folder $1 into $2, which is made. Once more where it fails: another app's switch puts a link there and takes it away.
copy_all() {
  mkdir "$2" && cp -a "$1/." "$2/" 2>/dev/null && return
  rm -rf "$2"
  mkdir "$2" && cp -a "$1/." "$2/"
}
