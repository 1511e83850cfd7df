# A load balancer: OpenSSH and nginx as Debian ships them, with no site enabled.
ARG BASE
FROM ${BASE}
COPY common.sh sshd.conf /tmp/lab/
RUN sh /tmp/lab/common.sh nginx \
 && mv /tmp/lab/sshd.conf /etc/ssh/sshd_config.d/lab.conf \
 && rm -r /tmp/lab /etc/nginx/sites-enabled/default
COPY entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]
