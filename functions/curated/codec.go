package curated

import (
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec is the library's zstd with an encoder whose memory suits pages of [pageBytes]: the library's own
// keeps a window of megabytes. The level is the fastest, since CPU is what a small Lambda has least of.
type codec struct{ *parquetzstd.Codec }

var pageCodec = codec{&parquet.Zstd}

var encoder = sync.OnceValue(func() *zstd.Encoder {
	// Options that are constant and valid cannot fail.
	e, _ := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(2*pageBytes),
		zstd.WithLowerEncoderMem(true),
		zstd.WithZeroFrames(true),
		zstd.WithEncoderCRC(false),
	)
	return e
})

// Encode compresses src into dst.
func (codec) Encode(dst, src []byte) ([]byte, error) { return encoder().EncodeAll(src, dst[:0]), nil }
