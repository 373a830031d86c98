-- One step of a walk over all claims, as they are now (SCAN: a claim may come twice, and an answer may have none).
--
-- ARGV[5] the walk's cursor ('0' begins it), ARGV[6] about how many keys to look at
-- Result  {'rebuilding'} | {'ok', epoch, sequence, the next cursor ('0' when the walk has ended), {for each a claim as
--         in read_claims.lua}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local prefix, claims = ARGV[1] .. 'claim:', {}
local found = redis.call('SCAN', ARGV[5], 'MATCH', prefix .. '*', 'COUNT', ARGV[6])
for i, key in ipairs(found[2]) do claims[i] = describe(key, string.sub(key, #prefix + 1)) end
return {'ok', epoch, sequence, found[1], claims}
