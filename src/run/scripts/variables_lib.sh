# Variables of people for compose and for containers, called as they like, also like those of a script. BGCTL_NAMES are
# their names; the value of NAME comes as BGCTL_ENV_NAME.

# Runs a program that sees them; no list of processes shows their values.
with_variables() (
  for bg_name in ${BGCTL_NAMES:-}; do eval "export $bg_name=\"\$BGCTL_ENV_$bg_name\""; done
  # From here on the script's own variables may be somebody else's.
  exec "$@"
)
