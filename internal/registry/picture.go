package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// Limits of a floor plan's picture. A decoded pixel takes up to 8 bytes.
const (
	MaxPicture    = 8 << 20 // bytes of the file
	maxPixels     = 16 << 20
	minSide       = 64
	maxSide       = 8192
	folderMode    = 0o700
	pictureMode   = 0o600
	pngPicture    = "image/png"
	jpegPicture   = "image/jpeg"
	pictureAdvice = "save the drawing as PNG or JPEG and choose that file"
)

// picture is what a picture says of itself.
type picture struct {
	hash          string // SHA-256, hexadecimal
	kind          string
	width, height int
	data          []byte
}

// readPicture looks at the bytes, not at what anybody calls them, and decodes them whole, so that a torn or disguised
// file never gets onto a screen. SVG and the like are refused: they can carry programs.
func readPicture(data []byte) (picture, error) {
	if len(data) == 0 || len(data) > MaxPicture {
		return picture{}, invalid("picture", "%d bytes long, want 1 byte to %d MiB; make the picture smaller", len(data), MaxPicture>>20)
	}
	p := picture{kind: http.DetectContentType(data), data: data}
	decode, measure := png.Decode, png.DecodeConfig
	switch p.kind {
	case pngPicture:
	case jpegPicture:
		decode, measure = jpeg.Decode, jpeg.DecodeConfig
	default:
		return p, invalid("picture", "this is %s, neither PNG nor JPEG; %s", p.kind, pictureAdvice)
	}
	size, err := measure(bytes.NewReader(data))
	if err != nil {
		return p, invalid("picture", "cannot be read (%v); %s", err, pictureAdvice)
	}
	if min(size.Width, size.Height) < minSide || max(size.Width, size.Height) > maxSide || size.Width*size.Height > maxPixels {
		return p, invalid("picture", "%d × %d pixels; each side has %d to %d, and all of it at most %d million", size.Width, size.Height, minSide, maxSide, maxPixels>>20)
	}
	whole, err := decode(bytes.NewReader(data))
	if err != nil {
		return p, invalid("picture", "is damaged (%v); %s", err, pictureAdvice)
	}
	p.width, p.height = whole.Bounds().Dx(), whole.Bounds().Dy()
	if (image.Point{p.width, p.height}) != (image.Point{size.Width, size.Height}) {
		return p, invalid("picture", "says two different sizes of itself; %s", pictureAdvice)
	}
	sum := sha256.Sum256(data)
	p.hash = hex.EncodeToString(sum[:])
	return p, nil
}

// pictureFile is the name of a picture below the folder of plans.
func pictureFile(hash, kind string) string {
	if kind == jpegPicture {
		return hash + ".jpg"
	}
	return hash + ".png"
}

// keepPicture puts a picture on disk, durably, before any event names it. Pictures are never removed: an older event
// still shows what people saw then.
func keepPicture(folder string, p picture) error {
	if folder == "" {
		return errors.New("registry: there is no folder for floor plans")
	}
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return fmt.Errorf("registry: the folder of floor plans: %w", err)
	}
	name := filepath.Join(folder, pictureFile(p.hash, p.kind))
	if have, err := os.ReadFile(name); err == nil && bytes.Equal(have, p.data) {
		return nil
	}
	f, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return fmt.Errorf("registry: keeping a floor plan: %w", err)
	}
	_, err = f.Write(p.data)
	err = errors.Join(err, f.Chmod(pictureMode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("registry: keeping a floor plan: %w", err), os.Remove(f.Name()))
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("registry: the folder of floor plans: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// loadPicture reads a picture back and refuses one that is not what the event said.
func loadPicture(folder string, p FloorPlan) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(folder, pictureFile(p.SHA256, p.Type)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Refusal{Field: "id", Why: fmt.Sprintf("the picture of plan %q is gone from the disk; upload it again", p.Zone), Cause: ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("registry: the floor plan of %s: %w", p.Zone, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("registry: the floor plan of %s was changed on disk: %w", p.Zone, errChangedPicture)
	}
	return data, nil
}

var errChangedPicture = errors.New("its hash is not that of its event")

// verifyPicture says what is wrong with a picture on disk; "" if nothing is.
func verifyPicture(folder string, p FloorPlan) string {
	_, err := loadPicture(folder, p)
	if errors.Is(err, ErrNotFound) || errors.Is(err, errChangedPicture) {
		return err.Error()
	}
	if err != nil {
		return "floor plan of " + p.Zone + " cannot be read: " + err.Error()
	}
	return ""
}
