# shellcheck shell=bash
# The options of `up` and `down`. Sourced after lib.sh.

usage() {
  cat <<'END'
Usage: tests/lab/up    [--name lab] [--lbs 1] [--apps 2] [--app-image trixie|bookworm] [--no-mount] [--solos N]
       tests/lab/down  [--name lab] [--all]
       tests/lab/reset [--name lab]

  --name       letters and a number below 25 (lab, lab2, bookworm3): several labs may be up at once.
               The number chooses the loopback addresses: lab is at 127.0.1.i (load balancers) and
               127.0.2.i (app servers), lab2 at 127.0.21.i and 127.0.22.i (solo hosts: 127.0.3.i, 127.0.23.i)
  --lbs        how many load balancers, 1 to 9
  --apps       how many app servers, 1 to 99
  --app-image  what app servers run: trixie (Compose v2) or bookworm (docker-compose v1 only)
  --no-mount   load balancers on which nothing can be mounted, not even by root
  --solos      how many hosts that have nginx and Docker both, 1 to 9, in place of load balancers and app servers
  --all        every lab, and the images too
END
}

NAME=lab LBS=1 APPS=2 SOLOS=0 APP_IMAGE=trixie MOUNT=yes ALL=

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --name | --lbs | --apps | --solos | --app-image) [ $# -gt 1 ] || die "$1 needs a value" ;;&
      --name) NAME=$2 && shift ;;
      --lbs) LBS=$2 && shift ;;
      --apps) APPS=$2 && shift ;;
      --solos) SOLOS=$2 && shift ;;
      --app-image) APP_IMAGE=$2 && shift ;;
      --no-mount) MOUNT=no ;;
      --all) ALL=yes ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && die "unknown option $1" ;;
    esac
    shift
  done
  lab_number "$NAME" >/dev/null
  [[ $LBS =~ ^[1-9]$ ]] || die "--lbs is a number from 1 to 9"
  [[ $APPS =~ ^[1-9][0-9]?$ ]] || die "--apps is a number from 1 to 99"
  [[ $SOLOS =~ ^[0-9]$ ]] || die "--solos is a number from 1 to 9"
  [ "$SOLOS" -eq 0 ] || LBS=0 APPS=0
  [[ $APP_IMAGE =~ ^(trixie|bookworm)$ ]] || die "--app-image is trixie or bookworm"
  export NAME LBS APPS SOLOS APP_IMAGE MOUNT ALL
  RUN_DIR=$LAB_DIR/run/$NAME
  export RUN_DIR
}

# One run of `up` or `down` for a lab at a time, from whatever checkout.
take_turn() {
  exec 9>"${TMPDIR:-/tmp}/bgctl-$NAME.turn"
  flock 9
}
