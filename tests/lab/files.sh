# shellcheck shell=bash
# What a lab leaves in its run folder for those who use it: a key, known_hosts, an inventory, an env file.
# Sourced by `up`.

make_key() {
  mkdir -p "$RUN_DIR"
  ssh-keygen -q -t ed25519 -N '' -C "bgctl $NAME" -f "$RUN_DIR/id_ed25519"
}

# The hosts' own word, taken from inside them: nothing is trusted because the network said it.
write_known_hosts() {
  local host
  for host in "${HOSTS[@]}"; do
    docker exec "$(container_of "$NAME" "$host")" sh -c 'cat /etc/ssh/ssh_host_*_key.pub' |
      sed "s|^|[$(loopback_of "$NAME" "$host")]:$SSH_PORT |; s| [^ ]*\$||" &
  done
  wait
}

write_env() {
  local host
  echo "LAB_NAME=$NAME LAB_LBS=$LBS LAB_APPS=$APPS LAB_SOLOS=$SOLOS LAB_APP_IMAGE=$APP_IMAGE"
  echo "LAB_HOSTS='${HOSTS[*]}' LAB_SSH_PORT=$SSH_PORT LAB_HTTP_PORT=$HTTP_PORT"
  for host in "${HOSTS[@]}"; do
    echo "LAB_${host^^}=$(loopback_of "$NAME" "$host") LAB_${host^^}_CONTAINER=$(container_of "$NAME" "$host")"
  done
}

inventory_group() {
  local host
  printf '    %s:\n      hosts:\n' "$1"
  shift
  for host in "$@"; do
    printf '        %s: { ansible_host: %s, bgctl_address: %s }\n' "$host" "$(loopback_of "$NAME" "$host")" "$host"
  done
}

write_inventory() {
  echo "# Lab $NAME as it is up now: made by tests/lab/up."
  printf 'all:\n  vars:\n    ansible_port: %s\n    ansible_user: root\n' "$SSH_PORT"
  # shellcheck disable=SC2016
  printf '    ansible_ssh_private_key_file: "{{ inventory_dir }}/id_ed25519"\n'
  printf '    ansible_ssh_common_args: "-o UserKnownHostsFile={{ inventory_dir }}/known_hosts -o IdentitiesOnly=yes"\n'
  echo '  children:'
  # shellcheck disable=SC2046
  inventory_group load_balancers $(hosts_of lb "$LBS" && hosts_of solo "$SOLOS")
  # shellcheck disable=SC2046
  inventory_group app_servers $(hosts_of app "$APPS" && hosts_of solo "$SOLOS")
}

write_files() {
  local file
  write_known_hosts | sort >"$RUN_DIR/known_hosts.tmp"
  write_inventory >"$RUN_DIR/inventory.yml.tmp"
  write_env >"$RUN_DIR/env.tmp"
  for file in known_hosts inventory.yml env; do mv "$RUN_DIR/$file.tmp" "$RUN_DIR/$file"; done
}
