//go:build !race

package curated

const raceDetector = false
