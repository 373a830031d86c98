-- Begin a new generation: delete the programmes, and refuse everything but a rebuild of this epoch.
--
-- The stream is kept: its steps are still true, and its readers see the epoch change.
--
-- KEYS[3] the server that has the data
-- ARGV[5] new epoch
-- Result  {'rebuilding'} when this epoch is not higher than every other | {'ok'}

local known = highest_epoch()
if known and tonumber(known) >= tonumber(ARGV[5]) then return {'rebuilding'} end
redis.call('UNLINK', KEYS[1], KEYS[3])
begin_epoch('@rebuilding', ARGV[5])
if this_server() then redis.call('SET', KEYS[3], this_server()) end
return {'ok'}
