# shellcheck shell=sh disable=SC2034
# The whole of a remote command line: report the process group, then read the real script from stdin, where
# no argument list shows it. @ stands for a random marker; a sudo password that sudo did not ask for is
# skipped. Sent on one line inside single quotes to any login shell, so: no quote, no ! and a ; at each end.
bg_n=$(printf "\n."); bg_n=${bg_n%.}; bg_t=;
{ read -r bg_a bg_b bg_c bg_d bg_g bg_e </proc/$$/stat; } 2>/dev/null || bg_g=$$;
echo "@ $bg_g"; echo "@ $bg_g" >&2;
while IFS= read -r bg_s; do case $bg_s in @*) bg_t=1; break;; esac; done;
test "$bg_t" || exit 255;
bg_s=${bg_s#@}; unset bg_a bg_b bg_c bg_d bg_g bg_e bg_t;
eval "$bg_s"
