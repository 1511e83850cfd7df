# Numbers of others are text until they were looked at: in `$(( ))`, bash called as sh carries out what stands in one.

# Whether a text is a whole number that any shell counts with: up to 18 digits, and no 0 ahead of them, which means octal.
digits() {
  case $1 in
    0) ;;
    '' | 0* | *[!0123456789]* | ???????????????????*) return 1 ;;
  esac
}
