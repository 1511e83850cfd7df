# Waits until no worker of an old generation is left. Argument: MILLISECONDS
# Prints "took MS"; or, when that has passed, "left WORKERS", and for each connection that such a worker still has
# "client ADDRESS" or "upstream ADDRESS". "unseen": there are some, and only root could tell whose.
know_nginx || { echo "$why" >&2; exit 1; }
master=$(master) || { echo "nginx does not run" >&2; exit 1; }
digits "$1" || { echo "$1 is no time" >&2; exit 1; }
begin=$(now)
until=$((begin + $1))

# A worker's sockets. Where root may not look into others' processes, as in many containers, they themselves may.
sockets() {
  user=$(awk '$1 == "Uid:" { print "--reuid", $2 } $1 == "Gid:" { print "--regid", $2 }' "/proc/$1/status" 2>/dev/null)
  for way in '' "setpriv --clear-groups $user"; do
    # shellcheck disable=SC2086 # words
    $way ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/socket \1/p' | grep . && return
  done
}

# The connections of a worker, as its own network namespace tells them.
connections() {
  mine=$(sockets "$1")
  if [ -z "$mine" ]; then
    [ ! -d "/proc/$1" ] || echo unseen
    return
  fi
  {
    printf '%s\n' "$mine"
    cat "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null
  } | awk '
    function number(hex,   i, value) {
      value = 0
      for (i = 1; i <= length(hex); i++) value = value * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
      return value
    }
    # Four bytes in the order of this processor.
    function four(hex) {
      return number(substr(hex, 7, 2)) "." number(substr(hex, 5, 2)) "." number(substr(hex, 3, 2)) "." number(substr(hex, 1, 2))
    }
    function address(text,   part, host, i, word) {
      split(text, part, ":")
      if (length(part[1]) == 8) return four(part[1]) ":" number(part[2])
      if (substr(part[1], 1, 24) == "0000000000000000FFFF0000") return four(substr(part[1], 25)) ":" number(part[2])
      for (i = 0; i < 4; i++) {
        word = substr(part[1], i * 8 + 1, 8)
        word = substr(word, 7, 2) substr(word, 5, 2) ":" substr(word, 3, 2) substr(word, 1, 2)
        host = host (i ? ":" : "") word
      }
      return "[" tolower(host) "]:" number(part[2])
    }
    $1 == "socket" { mine[$2] = 1; next }
    $4 == "0A" { split($2, part, ":"); listens[part[2]] = 1 }
    ($4 == "01" || $4 == "08") && ($10 in mine) { here[++count] = $2; there[count] = $3 }
    END {
      for (i = 1; i <= count; i++) {
        split(here[i], part, ":")
        print (part[2] in listens ? "client " : "upstream ") address(there[i])
      }
    }'
}

while left=$(leaving) && [ -n "$left" ]; do
  if [ "$(now)" -ge "$until" ]; then
    echo "left $(printf '%s\n' "$left" | wc -l)"
    for pid in $left; do connections "$pid"; done | head -n 1000
    exit 0
  fi
  rest
done
echo "took $(($(now) - begin))"
