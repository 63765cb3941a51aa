package cloudtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func getRange(t *testing.T, c *Cloud) {
	c.put(t, "ten", "0123456789")
	c.put(t, "empty", "")
	for _, tt := range []struct {
		key            string
		offset, length int64
		want           string // content
		kind           error
	}{
		{"ten", 0, 10, "0123456789", nil},
		{"ten", 0, 1, "0", nil},
		{"ten", 3, 4, "3456", nil},
		{"ten", 9, 1, "9", nil},
		{"ten", 7, 100, "789", nil},
		{"ten", 1, math.MaxInt64, "123456789", nil},
		{"ten", 10, 1, "", cloud.ErrInvalid},
		{"ten", 1 << 40, 1, "", cloud.ErrInvalid},
		{"ten", 0, 0, "", cloud.ErrInvalid},
		{"ten", -1, 1, "", cloud.ErrInvalid},
		{"ten", 0, -1, "", cloud.ErrInvalid},
		{"empty", 0, 1, "", cloud.ErrInvalid},
		{"none", 0, 1, "", cloud.ErrNotFound},
	} {
		what := fmt.Sprintf("GetRange(%s, %d, %d)", tt.key, tt.offset, tt.length)
		body, err := c.Store.GetRange(t.Context(), c.at(tt.key), tt.offset, tt.length)
		if tt.kind != nil {
			wantKind(t, what, err, tt.kind)
		} else if err != nil {
			t.Errorf("%s = %v", what, err)
		}
		if string(body) != tt.want {
			t.Errorf("%s = %q, want %q", what, body, tt.want)
		}
	}
}
