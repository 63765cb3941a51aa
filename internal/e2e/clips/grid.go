package clips

// area is a rectangle in shares of the frame.
type area struct{ x, y, w, h float64 }

// grid is a field of equal cells, one bit each, row by row, the lowest bit
// first; white is 1.
type grid struct {
	area
	columns, rows int
}

var (
	identityGrid = grid{area{0.06, 0.06, 0.88, 0.33}, 8, 3} // 16 bits and 8 of check sum
	counterGrid  = grid{area{0.06, 0.68, 0.88, 0.22}, 8, 2} // 16 bits
)

func (g grid) cells() int { return g.columns * g.rows }

func (g grid) cell(bit int) area {
	w, h := g.w/float64(g.columns), g.h/float64(g.rows)
	return area{g.x + w*float64(bit%g.columns), g.y + h*float64(bit/g.columns), w, h}
}

// frame is the grid with a margin around it, which keeps the picture's own
// movement away from the cells.
func (g grid) frame() area {
	const margin = 0.02
	return area{g.x - margin, g.y - margin, g.w + 2*margin, g.h + 2*margin}
}

// encode is the identity with its check sum above it. Neither a black nor a
// white frame is a code.
func encode(identity uint16) uint32 {
	return uint32(identity) | uint32(checksum(identity))<<16
}

// checksum is a CRC-8 with the polynomial 0x2F of AUTOSAR's CRC8H2F; it finds
// any one or two wrong bits.
func checksum(identity uint16) byte {
	crc := byte(0xFF)
	for _, b := range []byte{byte(identity), byte(identity >> 8)} {
		crc ^= b
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x2F
			} else {
				crc <<= 1
			}
		}
	}
	return ^crc
}
