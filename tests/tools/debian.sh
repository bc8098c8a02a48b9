#!/bin/sh
# debian.sh PACKAGE COMMAND...: makes sure that COMMAND succeeds, by installing PACKAGE if need be.
# Without root it says what to run instead.
package=$1
shift
"$@" >/dev/null 2>&1 && exit 0
install="apt-get install -y --no-install-recommends $package"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "flatline needs the Debian package $package; run: sudo $install" >&2
  exit 1
fi
echo "installing the Debian package $package"
# A daemon that the package starts by itself would be in the way: 101 is "not allowed".
policy=/usr/sbin/policy-rc.d
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=1; }
export DEBIAN_FRONTEND=noninteractive
{ $install || { apt-get update && $install; }; } >/dev/null
[ -z "$made" ] || rm -f $policy
"$@" >/dev/null
