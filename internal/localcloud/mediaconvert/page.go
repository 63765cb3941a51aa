package mediaconvert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// pageSize is the most that one answer of a list has (API reference).
const pageSize = 20

// cursor says where a list goes on, and of which list it is.
type cursor struct {
	After string `json:"a"` // sort key of the last item given
	Query string `json:"q"`
}

// key keeps cursors from being made by anyone else.
var key = []byte("localcloud list cursor")

func sign(b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)[:8]
}

func (c cursor) token() string {
	b, _ := json.Marshal(c) // strings always marshal
	return base64.URLEncoding.EncodeToString(append(sign(b), b...))
}

// cursor reads the request's NextToken. One that no answer gave, or that an
// answer to another query gave, is refused.
func (r *request) cursor() (after string, err error) {
	token := r.query.Get("nextToken")
	if !r.query.Has("nextToken") || token == "" {
		return "", nil
	}
	b, err := base64.URLEncoding.DecodeString(token)
	var c cursor
	if err != nil || len(b) < 8 || !hmac.Equal(b[:8], sign(b[8:])) || json.Unmarshal(b[8:], &c) != nil || c.Query != r.listed() {
		return "", badRequest("/nextToken: Invalid token")
	}
	return c.After, nil
}

// listed names the query that a cursor belongs to.
func (r *request) listed() string {
	var q strings.Builder
	q.WriteString(r.op)
	for _, name := range []string{"status", "queue", "order", "inputFile", "category", "listBy"} {
		q.WriteString("|" + r.query.Get(name))
	}
	return q.String()
}

// limit is how many items the request wants at most.
func (r *request) limit() int {
	if n, err := strconv.Atoi(r.query.Get("maxResults")); err == nil && n > 0 {
		return min(n, pageSize)
	}
	return pageSize
}

// pageOf cuts a page out of sorted items: those after the cursor. key gives an
// item's place, which more tells to be after another's.
func pageOf[T any](r *request, items []T, key func(T) string) (page []T, next string, err error) {
	after, err := r.cursor()
	if err != nil {
		return nil, "", err
	}
	start := 0
	if after != "" {
		for start < len(items) && key(items[start]) != after {
			start++
		}
		start = min(start+1, len(items))
	}
	end := min(start+r.limit(), len(items))
	page = items[start:end]
	if end < len(items) && len(page) > 0 {
		next = cursor{key(page[len(page)-1]), r.listed()}.token()
	}
	return page, next, nil
}
