-- Delete claims and queues of an older generation, while this one is being rebuilt.
--
-- KEYS[3...] keys to delete
-- ARGV[5] epoch
-- Result  {'rebuilding'} when another rebuild has begun | {'ok'}

if not rebuilding_as(ARGV[5]) then return {'rebuilding'} end
redis.call('UNLINK', unpack(KEYS, 3))
return {'ok'}
