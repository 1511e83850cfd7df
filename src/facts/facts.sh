# Answers questions about this host, one line each. A field that begins with a dot is base64.
# Arguments, in any number: file PATH | exists PATH | docker - | project NAME | image NAME | state-group NAME |
# records FOLDER | plan FOLDER | history FOLDER | kept FOLDER | nginx LINK, and before that one where nginx is: nginx-container NAME | nginx-binary NAME |
# nginx-config PATH | detect COMMAND
# Each process that it starts costs its host a millisecond or more, those of Docker dozens: hence few.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
newline='
'

# Sets $encoded to a text as a field: as it is where that cannot be mistaken.
encode() {
  case $1 in
    '' | - | none | other | .* | *[!A-Za-z0-9_./:@=+-]*) encoded=.$(printf '%s' "$1" | base64 | tr -d '\n') ;;
    *) encoded=$1 ;;
  esac
}
# A line of a keyword and texts.
say() {
  line=$1
  shift
  for text; do encode "$text"; line="$line $encoded"; done
  printf '%s\n' "$line"
}
trouble() { say trouble "$1"; }

system() {
  # shellcheck disable=SC2046 # a name, a release and an architecture hold no white space
  set -- $(uname -snrm)
  say system hostname "$2"
  say system kernel "$1 $3"
  say system arch "$4"
  [ -r /etc/os-release ] || return
  release=$(. /etc/os-release && printf '%s\n%s' "${ID:-}" "${VERSION_ID:-}")
  say system os "${release%%"$newline"*}"
  say system os_version "${release#*"$newline"}"
}

# In a shell of its own, as it goes to the file's folder.
ask_file() (
  path=$1
  reach "$path" follow
  case $?$at_kind in
    1*) odd "$path" ;;
    # What another one's folder hides is as good as not there.
    0none | 2* | 3*)
      folder=${path%/*}
      set --
      while [ ! -d "$folder/" ]; do
        set -- "$@" "$folder"
        folder=${folder%/*}
      done
      say missing "$path" "$@" ;;
    0folder | 0other) say odd "$path" "it is no regular file" ;;
    *)
      open_file || { odd "$path"; return; }
      if [ "$at_size" -gt 1048576 ]; then
        say odd "$path" "it is larger than 1 MiB"
        return
      fi
      encode "$path"
      printf '%s\n' "file $encoded $at_mode $at_user $at_uid $at_group $at_gid .$(base64 <&4 | tr -d '\n')" ;;
  esac
)
odd() {
  if [ "$refused_at" = "$1" ]; then refused_at=it; fi
  say odd "$1" "$refused_at $refused"
}

listed=''
ask_docker() {
  if command -v docker >/dev/null 2>&1; then engine=docker
  elif command -v podman >/dev/null 2>&1; then engine=podman
  else return; fi
  # Beside everything else: the engine takes its time.
  ask_version &
  ask_compose
  ids=$($engine ps -aq --filter label=com.docker.compose.project 2>/dev/null)
  [ -n "$ids" ] || return
  format='{{index .Config.Labels "com.docker.compose.project"}}|{{index .Config.Labels "com.docker.compose.service"}}'
  format="$format|{{index .Config.Labels \"com.docker.compose.oneoff\"}}|{{.Config.Image}}|{{.Image}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}"
  # shellcheck disable=SC2086 # ids hold no white space
  listed=$($engine inspect --format "$format" $ids 2>/dev/null)
  find_tags
}

ask_version() {
  if version=$($engine version --format '{{.Server.Version}}' 2>&1); then say docker "$version"
  else trouble "$engine does not answer: $version"; fi
}

ask_compose() {
  # Where Docker looks for its plugins. To start Compose only to hear that it is there takes longer than all else.
  for folder in "${DOCKER_CONFIG:-$HOME/.docker}" /usr/local/lib/docker /usr/local/libexec/docker /usr/lib/docker /usr/libexec/docker; do
    if [ "$engine" = docker ] && [ -x "$folder/cli-plugins/docker-compose" ]; then
      say compose v2
      return
    fi
  done
  if docker compose version >/dev/null 2>&1; then say compose v2
  elif docker-compose version >/dev/null 2>&1; then say compose v1
  elif podman compose version >/dev/null 2>&1; then say compose podman
  fi
}

ask_project() {
  [ -n "$listed" ] || return
  while IFS='|' read -r project service oneoff image id state health; do
    # What `compose run` started is no service.
    if [ "$project" != "$1" ] || [ "$oneoff" = True ]; then continue; fi
    find_tag "$image"
    for text in "$project" "$service" "$image"; do encode "$text"; set -- "$@" "$encoded"; done
    printf '%s\n' "container $2 $3 $4 ${id:--} ${tag:--} ${state:--} ${health:--}"
    set -- "$1"
  done <<EOF
$listed
EOF
}

ask_image() {
  [ -n "${engine:-}" ] || return
  # An id, then what registries call it: fields already.
  found=$($engine image inspect --format '{{.Id}}{{range .RepoDigests}} {{.}}{{end}}' "$1" 2>/dev/null) || return
  encode "$1"
  printf '%s\n' "image $encoded $found"
}

# The ids that the images' names stand for now: all in one go where each still stands for one.
tags=$newline
find_tags() {
  images=$(printf '%s\n' "$listed" | cut -d '|' -f 4 | sort -u)
  # shellcheck disable=SC2086 # names and ids of images hold no white space
  ids=$($engine image inspect --format '{{.Id}}' $images 2>/dev/null) || return
  for image in $images; do
    tags="$tags$image|${ids%%"$newline"*}$newline"
    ids=${ids#*"$newline"}
  done
}

# Sets $tag to the id of one name; asked once for a name.
find_tag() {
  case $tags in
    *"$newline$1|"*)
      tag=${tags#*"$newline$1|"}
      tag=${tag%%"$newline"*} ;;
    *)
      tag=$($engine image inspect --format '{{.Id}}' "$1" 2>/dev/null)
      tags="$tags$1|$tag$newline" ;;
  esac
}

# What a path is as a symlink, as a field; or why that is not told.
link_of() (
  reach "$1" stay
  case $?$at_kind in
    0link)
      encode "$(readlink "./$at_name")"
      printf '%s\n' "$encoded" ;;
    0none | 2* | 3*) echo none ;;
    0*) echo other ;;
    *)
      echo "$refused_at $refused"
      return 1 ;;
  esac
)

ask_nginx() {
  know_nginx || {
    trouble "$why"
    return
  }
  version=${built#*nginx version: }
  version=${version%%"$newline"*}
  version=${version#*/}
  if ! pid=$(master); then pid=-; fi
  if ! link=$(link_of "$1"); then
    trouble "$link"
    link=other
  fi
  encode "${version%% *}"
  printf '%s\n' "nginx $encoded $pid $link"
}

# A command that only reads: where it failed it is asked again, for what it says on stderr.
ask_detect() {
  status=0
  said=$(sh -c "$1" 2>/dev/null </dev/null) || {
    status=$?
    said=$(sh -c "$1" 2>&1 >/dev/null </dev/null)
  }
  say detected "$status" "${said%%"$newline"*}"
}

# Whether the app's folder of state may be read; else it is told why, once.
refused=$newline
enter() {
  ! reads_state "$1" || return 0
  case $refused in *"$newline$1$newline"*) return 1 ;; esac
  refused=$refused$1$newline
  [ -z "$why" ] || trouble "$why"
  return 1
}

# Tells what stands in a file of that folder. What bgctl cannot have written is not read.
tell_state() {
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then return 1; fi
  ours "$2" || {
    trouble "$2 is a link, no file, or another user's: look what it is, and remove it"
    return 1
  }
  if state_text=$(cat "$2" 2>/dev/null); then say "$1" "$state_text"
  else trouble "$2 cannot be read by $(id -un): become who wrote it"; fi
}

# The record of the last run. One that cannot be told is not as if there were none: a run may have been left.
tell_last_run() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return; fi
  if ours "$1" && state_text=$(cat "$1" 2>/dev/null); then
    say last-run "$state_text"
    return
  fi
  why="$1 is a link, no file, or another user's: whether a run was left half done cannot be told; once you know that none was, move it away"
  trouble "$why"
  say closed "$why"
}

# The app's key. Where there is one that cannot be told, it is not as if there were none.
tell_key() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then return; fi
  if ! ours "$1" || ! { key=$(cat "$1"); } 2>/dev/null; then key=; fi
  say key "$key"
}

ask_records() {
  enter "$1" || {
    [ -z "$why" ] || say closed "$why"
    return
  }
  # A shared lock, for a moment: whoever wants the exclusive one tries again.
  if ours "$1/lock" && [ -r "$1/lock" ] && ! flock -ns "$1/lock" true; then tell_state holder "$1/holder" || say holder ""; fi
  tell_last_run "$1/last-run"
  folder=$1
  if recall armed; then
    say armed "$(post)" "$(((its_deadline - $(now)) / 1000))" "$its_run" "$its_time" "$its_from" "$its_to"
  elif [ -n "$why" ]; then trouble "$why"; fi
  tell_state dead-man "$1/dead-man"
  tell_key "$1/key"
}

ask_kept() {
  if ! enter "${1%/*}" || [ ! -e "$1" ]; then return; fi
  trusts_folder "$1" || { trouble "$why"; return; }
  for path in "$1"/*/kept.json; do
    ours "$path" || continue
    folder=${path%/kept.json}
    say kept "${folder##*/}" "$(stat -c %Y "$path")"
  done
}

ask_history() {
  if ! enter "$1" || ! ours "$1/history" || [ ! -r "$1/history" ]; then return; fi
  while IFS= read -r record; do say history "$record"; done <"$1/history"
}

say facts 1
system
while [ $# -gt 1 ]; do
  case $1 in
    file) ask_file "$2" ;;
    exists) if [ -e "$2" ]; then say exists "$2"; fi ;;
    docker) ask_docker ;;
    project) ask_project "$2" ;;
    image) ask_image "$2" ;;
    nginx-container) container=$2 ;;
    nginx-binary) binary=$2 ;;
    nginx-config) BGCTL_NGINX_CONFIG=$2 ;;
    nginx) ask_nginx "$2" ;;
    detect) ask_detect "$2" ;;
    state-group) for_group "$2" ;;
    records) ask_records "$2" ;;
    plan) ! enter "$2" || tell_state plan "$2/plan" ;;
    history) ask_history "$2" ;;
    kept) ask_kept "$2" ;;
  esac
  shift 2
done
wait
say end
