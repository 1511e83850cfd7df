# An app server: OpenSSH and its own Docker Engine with Compose, as Debian ships them
# (trixie: `docker compose`, v2; bookworm: `docker-compose`, v1).
ARG BASE
FROM ${BASE}
COPY common.sh sshd.conf /tmp/lab/
RUN . /etc/os-release \
 && case $VERSION_CODENAME in bookworm) client= ;; *) client=docker-cli ;; esac \
 && sh /tmp/lab/common.sh docker.io $client docker-compose iptables \
 && mv /tmp/lab/sshd.conf /etc/ssh/sshd_config.d/lab.conf \
 && rm -r /tmp/lab
COPY entrypoint.sh /entrypoint.sh
VOLUME /var/lib/docker
ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]
