-- Close the epoch when the data has come back on another server or after a restart: its last steps may be missing.
-- So may the last claims of a rebuild, which is to begin anew.
--
-- Every connection runs it first, so that nothing is granted on such data.
--
-- KEYS[3] the server that has the data
-- Result  {'ok'} | {'closed', the epoch that was open or being rebuilt}

local known, here = redis.call('GET', KEYS[3]), this_server()
if not here or known == here then return {'ok'} end
redis.call('SET', KEYS[3], here)
local got = known and redis.call('HMGET', KEYS[1], '@epoch', '@rebuilding') or {}
local epoch_here = got[1] or got[2]
if not epoch_here then return {'ok'} end
redis.call('HDEL', KEYS[1], '@epoch', '@rebuilding')
return {'closed', epoch_here}
