# A load balancer: OpenSSH and nginx as Debian ships them, with no site enabled; curl, to ask over https and HTTP/2.
# HAProxy and socat are there, too; HAProxy is not started.
ARG BASE
FROM ${BASE}
COPY common.sh sshd.conf /tmp/lab/
RUN sh /tmp/lab/common.sh nginx curl haproxy socat \
 && mv /tmp/lab/sshd.conf /etc/ssh/sshd_config.d/lab.conf \
 && rm -r /tmp/lab /etc/nginx/sites-enabled/default \
 && mkdir /usr/local/share/lab && cd /etc && cp --parents nginx/nginx.conf haproxy/haproxy.cfg /usr/local/share/lab/
COPY entrypoint.sh /entrypoint.sh
ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]
