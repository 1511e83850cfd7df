# One host for everything: an app server that has nginx, too, with no site enabled.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx >/dev/null \
 && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default \
 && mkdir /usr/local/share/lab && cd /etc && cp --parents nginx/nginx.conf /usr/local/share/lab/
