# Says which image each running service of a project is made from, by which name, and the digests of files.
# Arguments: KIND NAME DIR [FILE …]; an empty NAME: no project
shift 3
if [ -n "$name" ]; then
  ids=$($engine ps -q --filter "label=com.docker.compose.project=$name") || exit 1
  format='{{index .Config.Labels "com.docker.compose.service"}}|{{index .Config.Labels "com.docker.compose.oneoff"}}|{{.Image}}|{{.Config.Image}}'
  listed=
  # shellcheck disable=SC2086 # ids hold no white space
  if [ -n "$ids" ]; then listed=$($engine inspect --format "$format" $ids) || exit 1; fi
  printf '%s\n' "$listed" | while IFS='|' read -r service oneoff image named; do
    # What `compose run` started is no service.
    if [ -z "$service" ] || [ "$oneoff" = True ]; then continue; fi
    printf 'image %s %s %s %s\n' "$service" "$image" "${named:--}" \
      "$($engine image inspect --format '{{range .RepoDigests}}{{.}} {{end}}' "$image" 2>/dev/null)"
  done
fi
digest() (
  reach "$1" follow
  case $?$at_kind in
    1*) echo "file foreign" ;;
    0none | 2*) echo "file missing" ;;
    *) if open_file && sum=$(sha256sum <&4); then echo "file ${sum%% *}"; else echo "file unreadable"; fi ;;
  esac
)
for path; do digest "$path"; done
echo end
