# The Debian packages that the build needs. Read by setup.sh and newer.sh.
PACKAGES="build-essential pkg-config
libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev libgstrtspserver-1.0-dev
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
gstreamer1.0-libav gstreamer1.0-tools
python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0"
