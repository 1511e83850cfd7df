# Begins with end_lib.sh. What lets a script's engine into registries without the login being written down on its host. BGCTL_LOGINS holds a
# line for each: the registry, a blank, and the answer that a credential helper gives. After `log_in` the engine asks
# such a helper, which knows the answers from its environment alone; all else of the user's configuration is as it was.

# A folder of this script alone, in which a program may be run.
make_login_folder() {
  for bg_place in "${TMPDIR:-/tmp}" /var/tmp "${HOME:-/}"; do
    bg_folder=$(mktemp -d "$bg_place/.bgctl-login.XXXXXX" 2>/dev/null) || continue
    printf '#!/bin/sh\nexit 0\n' >"$bg_folder/try"
    if chmod 700 "$bg_folder/try" && "$bg_folder/try" 2>/dev/null; then
      rm -f "$bg_folder/try"
      return 0
    fi
    rm -rf "$bg_folder"
  done
  echo "a registry's login needs a folder in which a program may be run: /tmp, /var/tmp or the home of $(id -un)" >&2
  return 1
}

# The user's own configuration with the helper at its end: of two helpers for a registry the last one counts.
print_login_config() {
  bg_helpers=$(printf '%s\n' "$BGCTL_LOGINS" | while read -r bg_registry bg_answer; do
    [ -z "$bg_answer" ] || printf ',"%s":"bgctl"' "$bg_registry"
  done)
  bg_own=$(cat "$1/config.json" 2>/dev/null)
  bg_own=$(printf '%s' "$bg_own" | tr '\n\r\t' '   ' | sed 's/ *} *$//')
  case $bg_own in
    *[!' {']*) printf '%s,"credHelpers":{%s}}\n' "$bg_own" "${bg_helpers#,}" ;;
    *) printf '{"credHelpers":{%s}}\n' "${bg_helpers#,}" ;;
  esac
}

print_login_helper() {
  cat <<'HELPER'
#!/bin/sh
# Answers from its environment; nothing is stored, and nothing is erased.
case $1 in
  get)
    read -r wanted
    answer=$(printf '%s\n' "$BGCTL_LOGINS" | while read -r registry answer; do
      [ "$registry" != "$wanted" ] || printf '%s\n' "$answer"
    done)
    [ -n "$answer" ] || { echo "credentials not found in native keychain"; exit 1; }
    printf '%s\n' "$answer" ;;
  list) echo '{}' ;;
  *) cat >/dev/null ;;
esac
HELPER
}

log_in() {
  [ -n "${BGCTL_LOGINS:-}" ] || return 0
  bg_umask=$(umask)
  umask 077
  # Whatever ends the script ends with the folder; were it to stay, it would hold nothing of the login.
  bg_folder=
  # shellcheck disable=SC2016 # expanded at the end
  at_end 'rm -rf "$bg_folder"'
  make_login_folder || return 1
  bg_home=${DOCKER_CONFIG:-${HOME:-/}/.docker}
  # Plugins, contexts and builders are found where the user has them.
  for bg_path in "$bg_home"/*; do
    if [ -e "$bg_path" ] && [ "${bg_path##*/}" != config.json ]; then ln -s "$bg_path" "$bg_folder/" || return 1; fi
  done
  mkdir "$bg_folder/bin" || return 1
  print_login_config "$bg_home" >"$bg_folder/config.json" || return 1
  print_login_helper >"$bg_folder/bin/docker-credential-bgctl" || return 1
  chmod 700 "$bg_folder/bin/docker-credential-bgctl" || return 1
  PATH=$bg_folder/bin:$PATH
  DOCKER_CONFIG=$bg_folder
  REGISTRY_AUTH_FILE=$bg_folder/config.json
  export BGCTL_LOGINS PATH DOCKER_CONFIG REGISTRY_AUTH_FILE
  umask "$bg_umask"
}
