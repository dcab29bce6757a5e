#!/busybox sh
# The first program of an emulated machine: loads what the disk needs, and goes on from there.
for module in /modules/*; do /busybox insmod "$module"; done
/busybox mount -t devtmpfs none /dev
while [ ! -b /dev/vda ]; do /busybox sleep 0.2; done
/busybox mount -t ext4 /dev/vda /root
exec /busybox switch_root /root /bin/busybox sh /glowplug/tests/arm64/guest/system.sh
