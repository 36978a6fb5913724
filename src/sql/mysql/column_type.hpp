// Lido: the types of values in the MySQL protocol.
#pragma once

#include <cstdint>

namespace lido::mysql {

/// As the protocol numbers them.
enum class column_type : std::uint8_t {
    old_decimal = 0,
    int8 = 1,
    int16 = 2,
    int32 = 3,
    real32 = 4,
    real64 = 5,
    null = 6,
    timestamp = 7,
    int64 = 8,
    int24 = 9,  ///< sent as 32 bits
    date = 10,
    time = 11,
    datetime = 12,
    year = 13,
    new_date = 14,
    varchar = 15,
    bit = 16,
    vector = 242,
    json = 245,
    decimal = 246,
    enumeration = 247,
    set = 248,
    tiny_blob = 249,
    medium_blob = 250,
    long_blob = 251,
    blob = 252,
    var_string = 253,
    string = 254,
    geometry = 255,
};

}  // namespace lido::mysql
