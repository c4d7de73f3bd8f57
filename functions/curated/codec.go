package curated

import (
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec is the library's zstd with an encoder whose memory suits pages of [pageBytes]: the library's own
// keeps a window of megabytes.
type codec struct {
	*parquetzstd.Codec
	encoder func() *zstd.Encoder
}

var (
	// pageCodec is the fastest, since CPU is what a small Lambda has least of.
	pageCodec = newCodec(zstd.SpeedFastest)
	// dayCodec is for compacted days, which are written once and read often, so that it may take twice the time for a tenth fewer bytes.
	dayCodec = newCodec(zstd.SpeedDefault)
)

func newCodec(level zstd.EncoderLevel) *codec {
	return &codec{&parquet.Zstd, sync.OnceValue(func() *zstd.Encoder {
		// Options that are constant and valid cannot fail.
		e, _ := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(level),
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(2*pageBytes),
			zstd.WithLowerEncoderMem(true),
			zstd.WithZeroFrames(true),
			zstd.WithEncoderCRC(false),
		)
		return e
	})}
}

// Encode compresses src into dst.
func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	return c.encoder().EncodeAll(src, dst[:0]), nil
}
