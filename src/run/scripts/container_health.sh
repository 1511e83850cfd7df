# Exits 0 when a project's services are healthy by Docker's HEALTHCHECK; else says which are not.
# Arguments: - NAME - [SERVICE …]; no service: all run (or have ended with 0), and none is ill.
shift 3
command -v docker >/dev/null 2>&1 || engine=podman
ids=$(containers) || exit 1
[ -n "$ids" ] || { echo "project $name has no containers"; exit 1; }
# shellcheck disable=SC2086 # ids hold no white space
found=$($engine inspect --format '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{index .Config.Labels "com.docker.compose.oneoff"}}' $ids) || exit 1
# What `compose run` started is no service.
found=$(printf '%s\n' "$found" | grep -v ' True$') || { echo "project $name has no containers"; exit 1; }
named=$#
bad=0
for service in $(printf '%s\n' "$found" | cut -d' ' -f1 | sort -u) "$@"; do
  line=$(printf '%s\n' "$found" | service=$service awk '$1 == ENVIRON["service"] { print $2, $3, $4 }')
  wanted=no
  for one; do [ "$one" != "$service" ] || wanted=yes; done
  [ "$named" -eq 0 ] || [ "$wanted" = yes ] || continue
  case $line in
    "running 0 healthy") ;;
    "running 0 none") [ "$named" -eq 0 ] || { echo "$service has no HEALTHCHECK"; bad=1; } ;;
    "exited 0 none") [ "$named" -eq 0 ] || { echo "$service has ended"; bad=1; } ;;
    "") echo "$service has no container"; bad=1 ;;
    "running 0 "*) echo "$service is ${line##* }"; bad=1 ;;
    "exited "*) line=${line#exited }; echo "$service has ended with exit code ${line%% *}"; bad=1 ;;
    *) echo "$service is ${line%% *}"; bad=1 ;;
  esac
done
exit "$bad"
