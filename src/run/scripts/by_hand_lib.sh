# A command of the playbook. It gets none of this script's files: what it starts may stay.
by_hand() { sh -c "$@" </dev/null >&2 8>&- 9>&-; }
