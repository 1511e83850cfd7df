# What nginx's symlink says, and how it comes to say something else. Needs $link; begins with path_lib.sh.

pointed() (
  reach "$link" stay
  case $? in
    0) readlink "./$at_name" || : ;;
    2) ;;
    *) tell_refusal; return 1 ;;
  esac
)

# Points the link there; an empty text removes it.
point() (
  reach "$link" stay || { tell_failure "$link cannot be changed, or has no folder"; return 1; }
  if [ -z "$1" ]; then rm -f "./$at_name"; return; fi
  # Under a name that no `include …/*` has: another app's test or reload may read this folder at any moment.
  at_new=./.bgctl.$at_name
  rm -f "$at_new"
  # Whatever somebody puts there meanwhile is not entered.
  ln -sT "$1" "$at_new" && mv -fT "$at_new" "./$at_name"
)

# What is there stays where it is.
save() { :; }

changed() { echo "$link was changed meanwhile: it points to ${1:-nothing}, not to ${from:-nothing}"; }
put_back() { echo "the link is back on ${1:-nothing}"; }
