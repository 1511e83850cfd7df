# What a file holds that nginx reads, and how it comes to hold something else. Needs $link, the file; begins
# with path_lib.sh.
# A content is PATH@HASH: where it is kept, and the first 16 digits of its SHA-256.

# Of what is open as 4.
hash_of() {
  sum=$(sha256sum </proc/self/fd/4) || return 1
  sum=${sum%% *}
  printf '%.16s\n' "$sum"
}

# A symlink that may be followed stays one: what is meant is the file that it stands for.
pointed() (
  reach "$link" follow
  case $?$at_kind in 0none | 2*) return 0 ;; esac
  if [ -z "$refused" ] && open_file && here_hash=$(hash_of); then
    for version in "$to" "$from"; do
      case $version in *"@$here_hash") printf '%s\n' "$version"; return 0 ;; esac
    done
    printf 'unknown@%s\n' "$here_hash"
    return 0
  fi
  tell_refusal
  echo "unreadable@"
  return 1
)

# Opens a content that is kept, as it was, as 4.
open_kept() { reach "${1%@*}" stay && open_file && [ "$(hash_of)" = "${1##*@}" ]; }

# Keeps what is there, for the way back.
save() {
  if [ -z "$1" ] || (open_kept "$1"); then return; fi
  (
    umask 077
    if reach "$link" follow && open_file && reach "${1%@*}" stay make && begin_file; then
      if cat <&4 >&3 && place_file; then return 0; fi
      drop_file
    fi
    tell_failure "$link cannot be kept"
    return 1
  ) && (open_kept "$1") && return
  kept=${1%@*}
  echo "what $link holds cannot be kept for the way back (is there room in ${kept%/*}?), so nothing was changed" >&2
  return 1
}

# Gives the file a content, all at once; mode and owner stay. An empty text removes it.
point() (
  if [ -z "$1" ]; then
    reach "$link" follow
    case $? in 0) rm -f "./$at_name"; return ;; 2) return 0 ;; *) tell_refusal; return 1 ;; esac
  fi
  open_kept "$1" || { echo "what $link shall hold is not there any more: ${1%@*}" >&2; return 1; }
  if reach "$link" follow && begin_file; then
    if cat <&4 >&3 && take_after && place_file; then return 0; fi
    drop_file
  fi
  tell_failure "$link cannot be changed"
  return 1
)

# Has what was begun belong to whom what is there belongs to, and let them do the same.
take_after() {
  if [ "$at_kind" = none ]; then chmod 0644 /proc/self/fd/3; return; fi
  chown "$at_uid:$at_gid" /proc/self/fd/3 && chmod "$at_mode" /proc/self/fd/3
}

# A content in words.
content() {
  case ${1##*/} in
    '') echo "no file" ;;
    before@*) echo "what it held before" ;;
    *) name=${1##*/}; echo "what it holds for ${name%@*}" ;;
  esac
}

changed() { echo "$link was changed meanwhile: it does not hold what this run found in it; see what changed, then apply again"; }
put_back() { echo "$link is back on $(content "$1")"; }
