# Answers questions about this host, one line each. A field that begins with a dot is base64.
# Arguments, in any number: file PATH | exists PATH | project NAME | docker - | nginx LINK | records FOLDER
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C

b64() { printf '.%s' "$(printf '%s' "$1" | base64 | tr -d '\n')"; }
say() { printf '%s' "$1"; shift; for field; do printf ' %s' "$field"; done; printf '\n'; }
trouble() { say trouble "$(b64 "$1")"; }

system() {
  say system hostname "$(b64 "$(uname -n)")"
  say system kernel "$(b64 "$(uname -sr)")"
  say system arch "$(b64 "$(uname -m)")"
  if [ -r /etc/os-release ]; then
    say system os "$(b64 "$(. /etc/os-release && printf '%s' "${ID:-}")")"
    say system os_version "$(b64 "$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")")"
  fi
}

ask_file() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    folders=
    folder=$(dirname "$1")
    while [ ! -d "$folder" ] && [ "$folder" != / ] && [ "$folder" != . ]; do
      folders="$folders $(b64 "$folder")"
      folder=$(dirname "$folder")
    done
    # shellcheck disable=SC2086 # base64 fields hold no white space
    say missing "$(b64 "$1")" $folders
  elif [ ! -f "$1" ]; then
    say odd "$(b64 "$1")" "$(b64 "it is no regular file")"
  elif [ ! -r "$1" ]; then
    say odd "$(b64 "$1")" "$(b64 "it cannot be read by $(id -un)")"
  elif [ "$(wc -c <"$1")" -gt 1048576 ]; then
    say odd "$(b64 "$1")" "$(b64 "it is larger than 1 MiB")"
  else
    # shellcheck disable=SC2046 # mode, names and numbers hold no white space
    say file "$(b64 "$1")" $(stat -L -c '%a %U %u %G %g' "$1") ".$(base64 <"$1" | tr -d '\n')"
  fi
}

engine=
ask_docker() {
  if command -v docker >/dev/null 2>&1; then engine=docker
  elif command -v podman >/dev/null 2>&1; then engine=podman
  else return; fi
  if version=$($engine version --format '{{.Server.Version}}' 2>&1); then
    say docker "$(b64 "$version")"
  else
    trouble "$engine does not answer: $version"
    engine=
    return
  fi
  if docker compose version >/dev/null 2>&1; then say compose v2
  elif docker-compose version >/dev/null 2>&1; then say compose v1
  elif podman compose version >/dev/null 2>&1; then say compose podman
  fi
}

ask_project() {
  [ -n "$engine" ] || return
  ids=$($engine ps -aq --filter "label=com.docker.compose.project=$1")
  [ -n "$ids" ] || return
  tab=$(printf '\t')
  # shellcheck disable=SC2086 # ids hold no white space
  $engine inspect --format "{{index .Config.Labels \"com.docker.compose.service\"}}$tab{{.Config.Image}}$tab{{.Image}}$tab{{.State.Status}}$tab{{if .State.Health}}{{.State.Health.Status}}{{end}}" $ids |
    while IFS=$tab read -r service image id state health; do
      tag=$($engine image inspect --format '{{.Id}}' "$image" 2>/dev/null)
      say container "$(b64 "$project")" "$(b64 "$service")" "$(b64 "$image")" "${id:--}" "${tag:--}" "${state:--}" "${health:--}"
    done
}

ask_nginx() {
  if ! command -v nginx >/dev/null 2>&1; then
    trouble "nginx is not installed"
    return
  fi
  built=$(nginx -V 2>&1)
  version=$(printf '%s\n' "$built" | sed -n 's|^nginx version: [^/]*/\([^ ]*\).*|\1|p')
  conf=$(printf '%s\n' "$built" | sed -n 's|.*--conf-path=\([^ ]*\).*|\1|p')
  prefix=$(printf '%s\n' "$built" | sed -n 's|.*--prefix=\([^ ]*\).*|\1|p')
  pidfile=$(sed -n 's/^[[:space:]]*pid[[:space:]]\{1,\}\([^;[:space:]]*\).*/\1/p' "$conf" 2>/dev/null | head -n 1)
  [ -n "$pidfile" ] || pidfile=$(printf '%s\n' "$built" | sed -n 's|.*--pid-path=\([^ ]*\).*|\1|p')
  case $pidfile in /*) ;; *) pidfile=$prefix/$pidfile ;; esac
  master=-
  if pid=$(cat "$pidfile" 2>/dev/null) && [ -d "/proc/$pid" ]; then master=$pid; fi
  if [ -L "$1" ]; then link=$(b64 "$(readlink "$1")")
  elif [ -e "$1" ]; then link=other
  else link=none; fi
  say nginx "$(b64 "$version")" "$master" "$link"
}

ask_records() {
  # A shared lock, for a moment: whoever wants the exclusive one tries again.
  if [ -e "$1/lock" ] && ! flock -ns "$1/lock" true; then say holder "$(b64 "$(cat "$1/holder" 2>/dev/null)")"; fi
  if [ -r "$1/last-run" ]; then say last-run "$(b64 "$(cat "$1/last-run")")"; fi
}

say facts 1
system
while [ $# -gt 1 ]; do
  case $1 in
    file) ask_file "$2" ;;
    exists) if [ -e "$2" ]; then say exists "$(b64 "$2")"; fi ;;
    docker) ask_docker ;;
    project) project=$2; ask_project "$2" ;;
    nginx) ask_nginx "$2" ;;
    records) ask_records "$2" ;;
  esac
  shift 2
done
say end
