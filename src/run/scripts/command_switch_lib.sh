# Which color is live by what a command says, and how another becomes live. Needs $seconds; begins with by_hand_lib.sh.
# BGCTL_DETECT prints the live color, BGCTL_SET_BLUE and BGCTL_SET_GREEN make one live.
# As where facts are asked for: what planning finds is found here, too.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C

# $why says why it cannot be switched: here nothing is known beforehand.
# shellcheck disable=SC2034 # read by who calls it
ready() { why=; }
alive() { :; }
save() { :; }

pointed() {
  said=$(bounded 30 sh -c "$BGCTL_DETECT" </dev/null 7>&- 8>&- 9>&-) || said=
  # The first line, without blanks around it.
  printf '%s\n' "$said" | { read -r color _; case $color in blue | green) printf '%s\n' "$color" ;; esac; }
}

# Makes a color live; of nothing, only sees to it that nothing is.
point() {
  wanted=$1
  case $1 in
    blue) by_hand "$BGCTL_SET_BLUE" ;;
    green) by_hand "$BGCTL_SET_GREEN" ;;
    *)
      [ -n "$(pointed)" ] || return 0
      echo "no command makes neither color live" >&2
      return 1 ;;
  esac || { echo "\`set\` of $1 failed" >&2; return 1; }
}

# What was made live is what is told to be live.
take_effect() {
  until=$(($(now) + seconds * 1000))
  until live=$(pointed) && [ "$live" = "${wanted:-}" ]; do
    if [ "$(now)" -ge "$until" ]; then
      echo "\`set\` of $wanted exited with 0, and \`detect\` says ${live:-neither color} after $seconds s" >&2
      return 1
    fi
    doze 0.1
  done
}

changed() { echo "the live color was changed meanwhile: \`detect\` says ${1:-neither color}, not ${from:-neither}"; }
put_back() { echo "${1:-neither color} is live again"; }
