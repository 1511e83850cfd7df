#!/bin/sh
# What both kinds of host have: the SSH server, a user with sudo, who may log in. Run while the image is built.
set -eu
export DEBIAN_FRONTEND=noninteractive
# No service may start while packages are being installed.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates iproute2 openssh-server procps sudo "$@" >/dev/null
rm -rf /usr/sbin/policy-rc.d /var/lib/apt/lists/* /etc/ssh/ssh_host_*
useradd --create-home --shell /bin/bash --password '*' deploy
echo 'deploy ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
mkdir -p /run/sshd
