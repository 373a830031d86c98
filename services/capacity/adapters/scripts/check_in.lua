-- Close the epoch when the data has come back on another server, or after a restart: it may lack its last steps.
--
-- Run by every connection before anything else, so that nothing is granted on such data.
--
-- KEYS[3] the server that the data lives on
-- ARGV[5] the run id of the server answering
-- Result  {'ok'} | {'closed', the epoch that was open}

local known = redis.call('GET', KEYS[3])
if known == ARGV[5] then return {'ok'} end
redis.call('SET', KEYS[3], ARGV[5])
local open = known and redis.call('HGET', KEYS[1], '@epoch')
if not open then return {'ok'} end
redis.call('HDEL', KEYS[1], '@epoch')
return {'closed', open}
