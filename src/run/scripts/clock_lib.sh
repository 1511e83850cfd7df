# Time that no change of the clock disturbs.

# Milliseconds since boot: no date in busybox has them.
now() {
  read -r up _ </proc/uptime
  # The 1 keeps hundredths below 10 from being read as octal.
  printf '%s\n' "$((${up%.*} * 1000 + 1${up#*.} * 10 - 1000))"
}

rest() { doze 0.02; }
# So many seconds, where its sleep knows parts of them.
doze() { sleep "$1" 2>/dev/null || sleep 1; }
