package settings

import "encoding/json"

// VideoDescription is the picture of an output.
type VideoDescription struct {
	Width              int                `json:"width"`  // pixels; 0: follow
	Height             int                `json:"height"` // pixels; 0: follow
	ScalingBehavior    string             `json:"scalingBehavior"`
	CodecSettings      VideoCodecSettings `json:"codecSettings"`
	Crop               *Rectangle         `json:"crop"`
	Position           *Rectangle         `json:"position"`
	VideoPreprocessors json.RawMessage    `json:"videoPreprocessors"`
}

// Rectangle is a part of a picture, in pixels.
type Rectangle struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// VideoCodecSettings carries the member that its codec names.
type VideoCodecSettings struct {
	Codec        string          `json:"codec"`
	H264         *H264           `json:"h264Settings"`
	FrameCapture *FrameCapture   `json:"frameCaptureSettings"`
	H265         json.RawMessage `json:"h265Settings"`
	AV1          json.RawMessage `json:"av1Settings"`
	AVCIntra     json.RawMessage `json:"avcIntraSettings"`
	GIF          json.RawMessage `json:"gifSettings"`
	MPEG2        json.RawMessage `json:"mpeg2Settings"`
	ProRes       json.RawMessage `json:"proresSettings"`
	VC3          json.RawMessage `json:"vc3Settings"`
	VP8          json.RawMessage `json:"vp8Settings"`
	VP9          json.RawMessage `json:"vp9Settings"`
	XAVC         json.RawMessage `json:"xavcSettings"`
}

// Given tells which codecs have settings in s.
func (s *VideoCodecSettings) Given() []string {
	var given []string
	for _, c := range []struct {
		codec string
		is    bool
	}{
		{"H_264", s.H264 != nil}, {"FRAME_CAPTURE", s.FrameCapture != nil}, {"H_265", s.H265 != nil}, {"AV1", s.AV1 != nil},
		{"AVC_INTRA", s.AVCIntra != nil}, {"GIF", s.GIF != nil}, {"MPEG2", s.MPEG2 != nil}, {"PRORES", s.ProRes != nil},
		{"VC3", s.VC3 != nil}, {"VP8", s.VP8 != nil}, {"VP9", s.VP9 != nil}, {"XAVC", s.XAVC != nil},
	} {
		if c.is {
			given = append(given, c.codec)
		}
	}
	return given
}

// H264 is the encoding of an H.264 output.
type H264 struct {
	RateControlMode      string  `json:"rateControlMode"`
	Bitrate              int     `json:"bitrate"`    // bits per second
	MaxBitrate           int     `json:"maxBitrate"` // bits per second
	QVBR                 *QVBR   `json:"qvbrSettings"`
	GopSize              float64 `json:"gopSize"`
	GopSizeUnits         string  `json:"gopSizeUnits"`
	GopClosedCadence     *int    `json:"gopClosedCadence"`
	MinIInterval         int     `json:"minIInterval"` // frames
	BFrames              int     `json:"numberBFramesBetweenReferenceFrames"`
	ReferenceFrames      int     `json:"numberReferenceFrames"`
	FramerateControl     string  `json:"framerateControl"`
	FramerateNumerator   int     `json:"framerateNumerator"`
	FramerateDenominator int     `json:"framerateDenominator"`
	FramerateConversion  string  `json:"framerateConversionAlgorithm"`
	ParControl           string  `json:"parControl"`
	ParNumerator         int     `json:"parNumerator"`
	ParDenominator       int     `json:"parDenominator"`
	CodecProfile         string  `json:"codecProfile"`
	CodecLevel           string  `json:"codecLevel"`
	EntropyEncoding      string  `json:"entropyEncoding"`
	InterlaceMode        string  `json:"interlaceMode"`
	SceneChangeDetect    string  `json:"sceneChangeDetect"`
	QualityTuningLevel   string  `json:"qualityTuningLevel"`
	HrdBufferSize        int     `json:"hrdBufferSize"` // bits
	Telecine             string  `json:"telecine"`
	SlowPal              string  `json:"slowPal"`
}

// QVBR is the quality of quality-defined variable bitrate.
type QVBR struct {
	QualityLevel      int     `json:"qvbrQualityLevel"` // 1..10; 0: chosen by the service
	FineTune          float64 `json:"qvbrQualityLevelFineTune"`
	MaxAverageBitrate int     `json:"maxAverageBitrate"` // bits per second
}

// FrameCapture makes one JPEG every denominator/numerator seconds.
type FrameCapture struct {
	FramerateNumerator   int `json:"framerateNumerator"`
	FramerateDenominator int `json:"framerateDenominator"`
	MaxCaptures          int `json:"maxCaptures"`
	Quality              int `json:"quality"` // 1..100
}

// AudioDescription is one audio track of an output.
type AudioDescription struct {
	AudioSourceName     string             `json:"audioSourceName"`
	CodecSettings       AudioCodecSettings `json:"codecSettings"`
	LanguageCode        string             `json:"languageCode"`
	CustomLanguageCode  string             `json:"customLanguageCode"`
	LanguageCodeControl string             `json:"languageCodeControl"`
	StreamName          string             `json:"streamName"`
	RemixSettings       json.RawMessage    `json:"remixSettings"`
}

// AudioCodecSettings carries the member that its codec names.
type AudioCodecSettings struct {
	Codec  string          `json:"codec"`
	AAC    *AAC            `json:"aacSettings"`
	AC3    json.RawMessage `json:"ac3Settings"`
	AC4    json.RawMessage `json:"ac4Settings"`
	AIFF   json.RawMessage `json:"aiffSettings"`
	Atmos  json.RawMessage `json:"eac3AtmosSettings"`
	EAC3   json.RawMessage `json:"eac3Settings"`
	FLAC   json.RawMessage `json:"flacSettings"`
	MP2    json.RawMessage `json:"mp2Settings"`
	MP3    json.RawMessage `json:"mp3Settings"`
	Opus   json.RawMessage `json:"opusSettings"`
	Vorbis json.RawMessage `json:"vorbisSettings"`
	WAV    json.RawMessage `json:"wavSettings"`
}

// Given tells which codecs have settings in s.
func (s *AudioCodecSettings) Given() []string {
	var given []string
	for _, c := range []struct {
		codec string
		is    bool
	}{
		{"AAC", s.AAC != nil}, {"AC3", s.AC3 != nil}, {"AC4", s.AC4 != nil}, {"AIFF", s.AIFF != nil}, {"EAC3_ATMOS", s.Atmos != nil},
		{"EAC3", s.EAC3 != nil}, {"FLAC", s.FLAC != nil}, {"MP2", s.MP2 != nil}, {"MP3", s.MP3 != nil}, {"OPUS", s.Opus != nil},
		{"VORBIS", s.Vorbis != nil}, {"WAV", s.WAV != nil},
	} {
		if c.is {
			given = append(given, c.codec)
		}
	}
	return given
}

// AAC is the encoding of an AAC track.
type AAC struct {
	Bitrate         int    `json:"bitrate"` // bits per second
	CodecProfile    string `json:"codecProfile"`
	CodingMode      string `json:"codingMode"`
	RateControlMode string `json:"rateControlMode"`
	VbrQuality      string `json:"vbrQuality"`
	SampleRate      int    `json:"sampleRate"` // Hz
	RawFormat       string `json:"rawFormat"`
}
