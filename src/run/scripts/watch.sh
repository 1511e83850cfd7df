# Counts requests and errors (5xx) in nginx's access log, by the times that its lines bear. What nginx answered without
# asking the upstream is neither: strangers make it do so as often as they like.
# Arguments: FOLDER RUN SECONDS LINK LOG CURSOR
# With an empty CURSOR: those in the SECONDS before the switch of that run, and those since; then: those added since CURSOR.
# Prints "log PATH", "before REQUESTS ERRORS", "after REQUESTS ERRORS", "cursor INODE OFFSET"; or "unread WHY".
folder=$1 run=$2 seconds=$3 link=$4 log=$5 cursor=$6
# Of a file, no more than this is read to find the lines before the switch.
most=67108864
unread() { echo "unread $*"; exit 0; }
digits "$seconds" || unread "$seconds is no time"

if [ -n "$log" ]; then
  container=
else
  know_nginx || unread "$why"
  log=$(beside cat "$link" 2>/dev/null | argument access_log 9)
  [ -n "$log" ] || log=$(beside cat "$conf" 2>/dev/null | argument access_log 9)
  [ -n "$log" ] || log=$(built_with http-log-path)
  case $log in
    off) unread "access_log is off" ;;
    syslog:*) unread "the access log goes to the system log ($log): give its file as \`watch: log:\`" ;;
    *\$*) unread "the access log's path has variables ($log): give one as \`watch: log:\`" ;;
  esac
  log=$(absolute "$log")
fi
case $(beside readlink -f "$log" 2>/dev/null) in
  /dev/* | /proc/*) unread "the access log is no file ($log): give one as \`watch: log:\`" ;;
esac

# Sets $inode and $size of a file.
measure() {
  measured=$(beside stat -L -c '%i %s' "$1" 2>/dev/null) || return 1
  inode=${measured% *} size=${measured#* }
  # A container says what it likes.
  digits "$inode" && digits "$size"
}
# The bytes of a file from one offset to another; of many, the last ones.
between() {
  [ "$2" -le "$3" ] || return
  if [ $(($3 - $2)) -gt "$most" ]; then set -- "$1" "$(($3 - most))" "$3"; fi
  beside tail -c "+$(($2 + 1))" "$1" 2>/dev/null | head -c "$(($3 - $2))"
}
last_of() { if [ "$1" -gt "$most" ]; then echo "$(($1 - most))"; else echo 0; fi; }

# The log's lines that matter; it may have been rotated meanwhile, or cut to nothing.
lines() {
  from=$(last_of "$now_size")
  if [ -n "$cursor" ]; then
    from=${cursor#* }
    if [ "${cursor% *}" != "$now_inode" ]; then
      if measure "$log.1" && [ "$inode" = "${cursor% *}" ]; then between "$log.1" "$from" "$size"; fi
      from=0
    fi
    [ "$from" -le "$now_size" ] || from=0
  elif measure "$log.1"; then between "$log.1" "$(last_of "$size")" "$size"; fi
  between "$log" "$from" "$now_size"
}

if ! measure "$log" || ! beside test -r "$log"; then unread "$log is not there, or cannot be read by $(id -un)"; fi
now_inode=$inode now_size=$size
if [ -n "$cursor" ]; then
  if ! digits "${cursor% *}" || ! digits "${cursor#* }"; then unread "where it was read to is no place in a file: $cursor"; fi
fi
if ! recall confirmed || [ "$its_run" != "$run" ]; then unread "${why:-when the switch was stands nowhere on this host}"; fi
echo "log $log"
lines | switched=$its_time seconds=$seconds awk '
  # Days since 1970 of a day in the calendar of today.
  function days(year, month, day) {
    if (month <= 2) { year--; month += 12 }
    return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * (month - 3) + 2) / 5) + day - 719469
  }
  function moment(year, month, day, clock,   part) {
    split(clock, part, ":")
    return days(year, month, day) * 86400 + part[1] * 3600 + part[2] * 60 + part[3]
  }
  # +0200, +02:00 or Z, in seconds.
  function zone(text,   value) {
    gsub(/[^0-9+-]/, "", text)
    value = substr(text, 2, 2) * 3600 + substr(text, 4, 2) * 60
    return substr(text, 1, 1) == "-" ? -value : value
  }
  # 2026-11-21T07:43:14+00:00
  function iso(text) {
    return moment(substr(text, 1, 4) + 0, substr(text, 6, 2) + 0, substr(text, 9, 2) + 0, substr(text, 12, 8)) - zone(substr(text, 20))
  }
  # 21/Nov/2026:07:43:14 +0000
  function common(text,   month) {
    month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(text, 4, 3)) + 2) / 3
    return moment(substr(text, 8, 4) + 0, month, substr(text, 1, 2) + 0, substr(text, 13, 8)) - zone(substr(text, 22, 5))
  }
  # What the upstream answered, as it stands outside of what clients say: empty where the log does not tell it, "-" where
  # there was none. Only what stands behind the request counts, the last of it: the name that a client gives stands
  # without quotes ahead of that.
  function upstream(line,   part, count, i, found) {
    if (match(line, /"upstream_status": *"?[^",}]*/)) {
      found = substr(line, RSTART, RLENGTH)
      sub(/^"upstream_status": *"?/, "", found)
      return found ~ /[1-9]/ ? found : "-"
    }
    count = split(line, part, "\"")
    for (i = 3; i <= count; i += 2) {
      if (part[i] ~ /(^|[^A-Za-z0-9_])(ups|upstream_status)=$/) found = part[i + 1]
      else if (match(part[i], /(^|[^A-Za-z0-9_])(ups|upstream_status)=.*/)) {
        found = substr(part[i], RSTART, RLENGTH)
        sub(/.*(ups|upstream_status)=/, "", found)
        sub(/[ ,].*/, "", found)
      } else continue
      if (found !~ /[1-9]/) found = "-"
    }
    return found
  }
  # Whether an answer came from the upstream, or says that none came. Of a log that does not tell, what nginx answers to
  # a bad request by itself (4xx, 501, 505) is left out, with what the upstream may have answered so, too.
  function counts(status, answered) {
    if (status == 501 || status == 505) return answered ~ status
    if (answered != "") return answered != "-"
    return status !~ /^4/
  }
  # When it was, in the form that most logs have it in, as it stands last ahead of the request: the name that a client gives
  # stands ahead of that. Where there is none, as it stands anywhere.
  function common_in(line,   head, found, form) {
    form = "[0-9][0-9]/[A-Z][a-z][a-z]/[0-9][0-9][0-9][0-9]:[0-9][0-9]:[0-9][0-9]:[0-9][0-9] [+-][0-9][0-9][0-9][0-9]"
    for (head = substr(line, 1, index(line "\"", "\"") - 1); match(head, form); head = substr(head, RSTART + RLENGTH))
      found = substr(head, RSTART, RLENGTH)
    if (found == "" && match(line, form)) found = substr(line, RSTART, RLENGTH)
    return found
  }
  BEGIN { at = iso(ENVIRON["switched"]); seconds = ENVIRON["seconds"] + 0; before = before_bad = after = after_bad = 0 }
  {
    all++
    time = status = ""
    if ((written = common_in($0)) != "") time = common(written)
    else if (match($0, /[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](Z|[+-][0-9][0-9]:?[0-9][0-9])/))
      time = iso(substr($0, RSTART, RLENGTH))
    if (match($0, /"status": *"?[1-5][0-9][0-9]/)) status = substr($0, RSTART + RLENGTH - 3, 3)
    else if (match($0, /" [1-5][0-9][0-9] /)) status = substr($0, RSTART + 2, 3)
    if (time == "" || status == "") next
    read++
    if (!counts(status, upstream($0))) next
    bad = status ~ /^5/
    # By whom a request was answered in the second of the switch, and in the next one, is not known.
    if (time < at && time >= at - seconds) { before++; before_bad += bad }
    if (time >= at + 2) { after++; after_bad += bad }
  }
  END {
    if (all > 2 && !read) { print "unread no line of it tells a time and a status as nginx and JSON write them"; exit }
    print "before " before " " before_bad
    print "after " after " " after_bad
  }'
echo "cursor $now_inode $now_size"
