package pricing_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestShare(t *testing.T) {
	tests := []struct {
		name     string
		memoryMB int
		want     float64
	}{
		{"the least", 128, 0.0724},
		{"half a vCPU", 885, 0.5003},
		{"one vCPU", 1769, 1},
		{"more than one thread can use", 3008, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := pricing.Share(test.memoryMB); math.Abs(got-test.want) > 5e-5 {
				t.Errorf("got %.5f, want %.4f", got, test.want)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		name     string
		memoryMB int
		workload pricing.Workload
		want     time.Duration
	}{
		{"CPU at one vCPU", 1769, pricing.Workload{CPU: 3 * time.Second}, 3 * time.Second},
		{"CPU at more", 10240, pricing.Workload{CPU: 3 * time.Second}, 3 * time.Second},
		{"CPU at 128 MB", 128, pricing.Workload{CPU: 128 * time.Millisecond}, 1769 * time.Millisecond},
		{"initialization is not stretched", 128, pricing.Workload{Init: time.Second}, time.Second},
		{"waits are not stretched", 128, pricing.Workload{Waits: time.Minute}, time.Minute},
		{"requests to the vendor", 128, pricing.Workload{VendorRounds: 3}, 1500 * time.Millisecond},
		{"requests to S3", 128, pricing.Workload{Writes: 3, Reads: 5}, 400 * time.Millisecond},
		{"everything", 128, pricing.Workload{CPU: 128 * time.Millisecond, Init: time.Second, Waits: time.Minute, VendorRounds: 3, Writes: 3, Reads: 5},
			64669 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.workload.Duration(test.memoryMB); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// filled is a workload whose every field but the name differs from zero and from all others.
func filled() pricing.Workload {
	w := pricing.Workload{Name: "filled"}
	fields := reflect.ValueOf(&w).Elem()
	for i := range fields.NumField() {
		switch field := fields.Field(i); field.Kind() {
		case reflect.Float64:
			field.SetFloat(float64(100 + i))
		case reflect.Int64:
			field.SetInt(int64(100+i) * int64(time.Second))
		}
	}
	return w
}

// TestAddAndScale would find a field that either of them forgets.
func TestAddAndScale(t *testing.T) {
	w := filled()
	twice := w.Add(w)
	fields, doubled := reflect.ValueOf(w), reflect.ValueOf(twice)
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		switch field := fields.Field(i); field.Kind() {
		case reflect.Float64:
			if doubled.Field(i).Float() != 2*field.Float() {
				t.Errorf("%s is %v, and %v of two days", name, field, doubled.Field(i))
			}
		case reflect.Int64:
			if doubled.Field(i).Int() != 2*field.Int() {
				t.Errorf("%s is %v, and %v of two days", name, field, doubled.Field(i))
			}
		}
	}
	if diff := cmp.Diff(twice, w.Scale(2)); diff != "" {
		t.Errorf("a day twice and two days differ:\n%s", diff)
	}
	if diff := cmp.Diff(w, twice.Scale(0.5)); diff != "" {
		t.Errorf("half of two days and a day differ:\n%s", diff)
	}
}

// TestDurationIsWhatIsBilled holds for any day: the lines of compute are of its duration, whole.
func TestDurationIsWhatIsBilled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w := drawConfiguration(t), drawWorkload(t, "w")
		c.Architecture = pricing.ARM64
		want := float64(c.DaysPerYear) * w.Duration(c.MemoryMB).Seconds() * float64(c.MemoryMB) / 1024 * 0.0000133334
		if got := pricing.USEast1.Year(c, w).Of(pricing.Compute); math.Abs(got-want) > 1e-9*want+1e-6 {
			t.Fatalf("got $%.9f, want $%.9f", got, want)
		}
	})
}
