# Time that no change of the clock disturbs. Begins with digits_lib.sh.

# Milliseconds since boot: no date in busybox has them.
now() {
  up=
  { read -r up _ </proc/uptime; } 2>/dev/null
  hundredths=${up#*.}
  case $hundredths in ??) ;; *) hundredths=00 ;; esac
  # The 1 keeps hundredths below 10 from being read as octal.
  if digits "${up%.*}" && digits "1$hundredths"; then printf '%s\n' "$((${up%.*} * 1000 + 1$hundredths * 10 - 1000))"
  # Better one that may be set than none.
  else date +%s000; fi
}

rest() { doze 0.02; }
# So many seconds, where its sleep knows parts of them.
doze() { sleep "$1" 2>/dev/null || sleep 1; }
