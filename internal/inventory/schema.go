package inventory

import (
	"fmt"
	"strings"
)

// maxColumns bounds the columns of a schema; S3 has about twenty.
const maxColumns = 64

// columns says where in a row what is found; -1 for what a report does not have.
type columns struct {
	bucket, key, version, latest, marker, size, etag, class int

	count int
}

// parseSchema reads fileSchema. Which columns there are, and in which order,
// differs by configuration.
func parseSchema(format, schema string) (columns, error) {
	switch strings.ToUpper(format) {
	case "CSV":
		return csvSchema(schema)
	case "ORC", "PARQUET":
		return columns{}, fmt.Errorf("manifest: reports in %s are not read yet; set the inventory's format to CSV", format)
	}
	return columns{}, fmt.Errorf("manifest: fileFormat %.40q: want CSV", format)
}

// csvSchema reads "Bucket, Key, Size, …". Columns that nobody needs are only
// counted.
func csvSchema(schema string) (columns, error) {
	c := columns{-1, -1, -1, -1, -1, -1, -1, -1, 0}
	places := map[string]*int{
		"bucket": &c.bucket, "key": &c.key, "versionid": &c.version, "islatest": &c.latest,
		"isdeletemarker": &c.marker, "size": &c.size, "etag": &c.etag, "storageclass": &c.class,
	}
	if n := strings.Count(schema, ",") + 1; n > maxColumns {
		return c, fmt.Errorf("manifest: fileSchema has %d columns, limit %d", n, maxColumns)
	}
	for name := range strings.SplitSeq(schema, ",") {
		if place := places[strings.ToLower(strings.TrimSpace(name))]; place != nil {
			if *place >= 0 {
				return c, fmt.Errorf("manifest: fileSchema has %s twice", strings.TrimSpace(name))
			}
			*place = c.count
		}
		c.count++
	}
	if c.bucket < 0 {
		return c, fmt.Errorf("manifest: fileSchema %.200q has no column Bucket", schema)
	}
	if c.key < 0 {
		return c, fmt.Errorf("manifest: fileSchema %.200q has no column Key", schema)
	}
	return c, nil
}
