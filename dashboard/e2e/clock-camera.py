"""A camera that shows its own clock, by GStreamer: an RTSP server not written here.

Every picture carries the wall-clock time in ms at which it was sent, as two rows of 32 black or white cells:
8 cells of MARK, 48 of time, 8 of CRC, the most significant first. White is one.
Listens on a free port of 127.0.0.1 and prints its address. Ends when its standard input closes.
"""
import sys
import time
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

WIDTH, HEIGHT, FPS = 640, 360, 25
CELL_WIDTH, CELL_HEIGHT, CELLS_IN_ROW = 20, 40, 32
MARK = 0b10110010
# Studio black and white; grey for the colour planes.
BLACK, WHITE = bytes([16]) * CELL_WIDTH, bytes([235]) * CELL_WIDTH
COLOUR = bytes([128]) * (WIDTH * HEIGHT // 2)
BELOW = HEIGHT - 2 * CELL_HEIGHT
# A scene that moves, so that the coder has work as in a real yard; its period is 256 rows.
SCENE = b"".join(bytes(64 + ((x * 3 ^ y) & 127) for x in range(WIDTH)) for y in range(BELOW + 256))


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def barcode(ms):
    """The Y plane's first rows for a time."""
    stamp = ms.to_bytes(6, "big")
    bits = f"{int.from_bytes(bytes([MARK]) + stamp + bytes([crc8(stamp)]), 'big'):064b}"
    rows = (bits[:CELLS_IN_ROW], bits[CELLS_IN_ROW:])
    return b"".join(b"".join(WHITE if bit == "1" else BLACK for bit in row) * CELL_HEIGHT for row in rows)


def film(source):
    """Pushes pictures until the pipeline takes no more."""
    count = 0

    def push():
        nonlocal count
        count += 1
        top = WIDTH * (4 * count % 256)
        scene = SCENE[top : top + WIDTH * BELOW]
        picture = Gst.Buffer.new_wrapped(barcode(time.time_ns() // 1_000_000) + scene + COLOUR)
        return source.emit("push-buffer", picture) == Gst.FlowReturn.OK

    GLib.timeout_add(1000 // FPS, push)


def configured(_, media):
    film(media.get_element().get_by_name_recurse_up("clock"))


Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
# A sensor keeps no queue: what the coder cannot take in time is dropped, not sent late.
factory.set_launch(
    "( appsrc name=clock is-live=true do-timestamp=true format=time max-buffers=1 leaky-type=downstream "
    f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bframes=0 bitrate=1500 ! "
    "rtph264pay name=pay0 pt=96 )"
)
factory.set_shared(True)
factory.connect("media-configure", configured)
server.get_mount_points().add_factory("/clock", factory)
if server.attach(None) == 0:
    sys.exit("cannot listen")
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/clock", flush=True)
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.IO_HUP | GLib.IO_IN, lambda *_: loop.quit())
loop.run()
